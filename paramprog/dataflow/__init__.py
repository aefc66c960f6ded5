"""The dataflow framework: analyses, the solver, semirings. It knows neither operations nor arrays."""
