# The function that is run can take numbers and arrays, not functions.
function apply(g : function, x = 1.0) {
    return g(x)
}
