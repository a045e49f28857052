"""The HOT language: templates, parameters, functions, resources and nested stacks, evaluated offline."""
