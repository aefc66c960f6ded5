# Only base functions and params: there is nothing to run.
param W = 0.5

base f(x) = tanh(x)
