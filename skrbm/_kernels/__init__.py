"""The numeric seam: array primitives and draws, and the only place that knows tricks.

Every formula of the package is written once, with array operators and the functions of these
modules. They take their library, numpy or torch, from the arrays that they are given; where the two
do a thing in different ways, both stand in one function.

All draws have 24 bits whatever the precision of the model, so that one seed gives one chain in
float32 and in float64, and by numpy and torch on the processor: these draw from the same generator.
A probability below their resolution, 2^-24, counts as that. Another device has generators of its
own, each with a seed from that one.
"""
