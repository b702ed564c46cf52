"""DICOM CT series: headers, geometry, pixels."""
