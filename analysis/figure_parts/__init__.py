"""What several figures are drawn with: measured text, sheets in millimetres, boxes and swarms, heat maps, CT slices."""
