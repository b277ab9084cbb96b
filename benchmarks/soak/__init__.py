"""Hours under load, with faults: does anything grow, is anything lost?"""
