"""From a cell's equations to what an engine needs: its products, its parameters, its formulas."""
