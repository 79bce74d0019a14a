"""Activation atlases: everything that a layer can see, laid out on one map.

Source: Carter, Armstrong, Schubert, Johnson, Olah: Activation Atlas (Distill 2019).
"""
