"""Slow, simple reference solutions of the forward models, by the method of lines.

They share no code with what they check: numpy and a stiff scipy solver only.
"""
