"""Published results of the papers behind the studies, one CSV and one module of checks per paper."""
