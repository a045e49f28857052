"""nova"""
