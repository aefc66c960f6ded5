# The two arms differ where the condition changes: by 2 at x * w = 1. The gradient knows of neither the jump nor where
# it is, so a step that follows it may well end on the other side.
param w = 0.5

function f(x = 1.0) {
    return if x * w > 1 then x * w + 2 else x * w
}
