# There is no such file beside this one.
import "layers/no_such_file.pp"

function f(x = 1.0) {
    return x
}
