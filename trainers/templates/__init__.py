"""Images warped to the templates of an arm (AtlasNet): the choice of templates, the registration of every image."""
