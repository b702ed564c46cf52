"""Registration of one chest to another: pure maths on arrays and spacing, files only at its edge."""
