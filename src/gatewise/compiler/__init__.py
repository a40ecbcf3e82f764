"""Compiles a cell's equations for the engines: products, parameters, formulas, C++."""
