# A file that imports itself.
import "import-cycle.pp"

function f(x = 1.0) {
    return x
}
