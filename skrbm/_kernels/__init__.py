"""Array primitives and random draws; only these modules depend on the array library.

Every formula of the package is written once, with array operators and the functions of these
modules. The functions use the library of their arguments, numpy or torch; if the two differ, one
function contains both versions.

All draws have 24 bits, whatever the precision of the model. So one seed gives one chain in float32
and in float64, and with numpy and with torch on the CPU, which share a generator. A probability
below the resolution, 2^-24, counts as 2^-24. Every other device has its own generators, seeded from
the shared one.
"""
