"""From text to a flow graph: parse, check, build; and the tree interpreter, the independent oracle."""
