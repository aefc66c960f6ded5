"""Syntax tree to canonical text, with the fewest parentheses that keep its meaning."""

from __future__ import annotations

from paramprog.lang import syntax as s
from paramprog.lang.pretty_expressions import ExpressionPrinter
from paramprog.lang.walk import Walk, walk

INDENT = "    "

Printable = s.Module | s.Declaration | s.Statement | s.Expression | s.TypeExpr


def pretty(node: Printable) -> str:
    """The text of a tree, which parses to an equal tree; a module ends with a newline, all else without.

    Raises ValueError for a number that no literal can be written for: infinities and NaN.
    """
    printer = _Printer()
    walk(printer.node(node))
    return "".join(printer.parts)


class _Printer(ExpressionPrinter):
    """Statements, declarations and files."""

    def __init__(self) -> None:
        super().__init__()
        self.margin = "\n"
        self.writers |= {
            s.Target: self._target,
            s.Assign: self._assign,
            s.Block: self._block,
            s.For: self._for,
            s.While: self._while,
            s.If: self._if,
            s.Return: self._return,
            s.TypeExpr: self._type,
            s.DimItem: self._dim_item,
            s.ConstItem: self._const_item,
            s.Formal: self._formal,
            s.Declarator: self._declarator,
            s.Init: self._init,
            s.DimDecl: self._declaration,
            s.ParamDecl: self._declaration,
            s.ConstDecl: self._declaration,
            s.BaseDecl: self._base,
            s.ImportDecl: self._import,
            s.FunctionDecl: self._function,
            s.Module: self._module,
        }

    # ---- statements ----

    def _target(self, node: s.Target) -> Walk[None]:
        self.write(node.name.text)
        if node.indices is not None:
            yield self._bracketed(node.indices)

    def _assign(self, node: s.Assign) -> Walk[None]:
        yield self._separated(node.targets)
        self.write(" = ")
        yield self._separated(node.values)

    def _block(self, node: s.Block) -> Walk[None]:
        if not node.statements:
            self.write("{ }")
            return
        outside = self.margin
        self.margin += INDENT
        self.write("{")
        for statement in node.statements:
            self.write(self.margin)
            yield self.node(statement)
        self.margin = outside
        self.write(f"{outside}}}")

    def _for(self, node: s.For) -> Walk[None]:
        self.write(f"for {node.name.text} in ")
        self.write("reversed(" if node.backwards else "")
        yield self._range(node.lower, node.upper)
        self.write(") " if node.backwards else " ")
        if node.checkpoint is not None:
            self.write("checkpoint ")
            yield self.node(node.checkpoint)
            self.write(" ")
        yield self.node(node.body)

    def _while(self, node: s.While) -> Walk[None]:
        self.write("while ")
        yield self.node(node.condition)
        self.write(" ")
        yield self.node(node.body)

    def _if(self, node: s.If) -> Walk[None]:
        before = "if "
        for arm in node.arms:
            self.write(before)
            yield self.node(arm.condition)
            self.write(" ")
            yield self.node(arm.body)
            before = " else if "
        if node.otherwise is not None:
            self.write(" else ")
            yield self.node(node.otherwise)

    def _return(self, node: s.Return) -> Walk[None]:
        self.write("return ")
        yield self._separated(node.values)

    # ---- declarations ----

    def _type(self, node: s.TypeExpr) -> Walk[None]:
        self.write(node.kind.text)
        if node.dims:
            yield self._bracketed(node.dims)

    def _named(self, name: s.Identifier, kind: s.TypeExpr | None, value: s.Expression | None) -> Walk[None]:
        """`name [: kind] [= value]`"""
        self.write(name.text)
        if kind is not None:
            self.write(" : ")
            yield self.node(kind)
        if value is not None:
            self.write(" = ")
            yield self.node(value)

    def _dim_item(self, node: s.DimItem) -> Walk[None]:
        yield self._named(node.name, None, node.value)

    def _const_item(self, node: s.ConstItem) -> Walk[None]:
        yield self._named(node.name, node.type, node.value)

    def _formal(self, node: s.Formal) -> Walk[None]:
        yield self._named(node.name, node.type, node.default)

    def _declarator(self, node: s.Declarator) -> Walk[None]:
        yield self._named(node.name, node.type, node.value)
        if node.init is not None:
            self.write(" ~ ")
            yield self.node(node.init)

    def _init(self, node: s.Init) -> Walk[None]:
        self.write(f"{node.name.text}(")
        yield self._separated(node.arguments)
        self.write(")")

    def _declaration(self, node: s.DimDecl | s.ParamDecl | s.ConstDecl) -> Walk[None]:
        if isinstance(node, s.ParamDecl):
            self.write("noise " if node.noise else "param ")
        else:
            self.write("dim " if isinstance(node, s.DimDecl) else "const ")
        yield self._separated(node.items)

    def _base(self, node: s.BaseDecl) -> Walk[None]:
        arguments = ", ".join(argument.text for argument in node.arguments)
        self.write(f"base {node.name.text}({arguments}) = ")
        yield self.node(node.body)
        if node.partials is not None:
            self.write(" derivative (")
            yield self._separated(node.partials)
            self.write(")")

    def _import(self, node: s.ImportDecl) -> Walk[None]:
        self.write("import ")
        yield self.node(node.path)

    def _function(self, node: s.FunctionDecl) -> Walk[None]:
        self.write(f"function {node.name.text}(")
        yield self._separated(node.arguments)
        self.write(")")
        if node.results is not None:
            self.write(" -> ")
            yield self._separated(node.results)
        self.write(" ")
        yield self.node(node.body)

    # ---- files ----

    def _module(self, node: s.Module) -> Walk[None]:
        before: s.Declaration | None = None
        for declaration in node.declarations:
            if before is not None and s.FunctionDecl in (type(before), type(declaration)):
                self.write("\n")
            yield self.node(declaration)
            self.write("\n")
            before = declaration
