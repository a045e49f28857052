"""neutron"""
