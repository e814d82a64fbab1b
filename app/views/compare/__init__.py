"""Compare: what accuracy does each cost buy?"""
