# A memory with soft addresses, as in neural Turing machines (A. Graves et al., 2014).
#
# A key is compared with all n cells, and each cell M[i] is written and read as far as it is like the key.
#
#   at = softmax over i of strength * cosine(M[i], key)
#   written: M[i] = (1 - at[i] gone) M[i] + at[i] new,   read: sum over i of at[i] M[i]
#
# The loop stores the words of a sequence. Then each is asked for by its first half alone; the loss is the mean error
# of what is recalled. No word waits for another there, so this needs no loop, only `mean(... for ...)`.
#
# Words are stored on top of what was there; the gradient of `start` shows how much the first contents still matter.

dim n = 3, half = 1, w = 2 * half, t = 3

param start : real[n, w] ~ uniform(-1, 1)
param to_key, to_gone, to_new : real[w, w] ~ glorot()
param strength = 2.0

function address(M : real[n, w], word : real[w]) {
    key = tanh(to_key @ word)
    cosine = M @ key / (norm(M, axis = 1) * norm(key) + 0.001)
    return softmax(strength * cosine)
}

function recall(M : real[n, w], word : real[w]) {
    return address(M, concat(word[0:half], zeros(half))) @ M
}

function loss(words : real[t, w] = [cos(i * (j + 1)) for i in 0..t, j in 0..w]) {
    M = start
    for i in 0..t {
        at = address(M, words[i])
        gone = sigmoid(to_gone @ words[i])
        M = M - outer(at, gone) * M + outer(at, to_new @ words[i])
    }
    loss = mean(mse(recall(M, words[i]), words[i]) for i in 0..t)
    return loss
}
