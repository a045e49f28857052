"""The HOT language: templates, parameters, functions, resources and nested stacks, evaluated offline.

The door is ``stack.evaluate``. What is wrong is told with these codes, each with file, line and column, and
the resources that lead there:

HOT-001 no template, HOT-002 unknown version, HOT-003 unknown section, HOT-004 a section of the wrong shape,
HOT-005 unknown key, HOT-006 something required is missing, HOT-007 a part of the wrong shape, HOT-008 a
name used twice; HOT-010 a parameter without a value, HOT-011 an unknown parameter given, HOT-012 a value of
the wrong type, HOT-013 a constraint violated, HOT-014 a constraint that says nothing sensible, HOT-015 a
default that does not fit; HOT-020 a function of another version, HOT-021 wrong arguments, HOT-022 a
function fails on its values, HOT-023 a function that conditions do not know, HOT-024 (warning) a function
of a later version as plain data, HOT-025 yaql that cannot be read, HOT-026 yaql that fails, HOT-027
(warning) what is nearly a function as plain data; HOT-030 unknown resource, HOT-031 unknown attribute,
HOT-032 unknown parameter, HOT-033 missing file, HOT-034 unknown or unusable condition, HOT-035 a condition
defined by itself, HOT-036 a resource that its condition leaves out; HOT-040 unknown resource type, HOT-041
unknown property, HOT-042 missing property, HOT-043 a property of the wrong type, HOT-044 missing template,
HOT-045 an unusable registry entry; HOT-050 resources that need each other, HOT-051 templates nested too
deep or in themselves, HOT-052 too much of something; HOT-060 TOSCA that cannot be translated, HOT-061 a
missing TOSCA import, HOT-062 TOSCA inputs without a value.
"""
