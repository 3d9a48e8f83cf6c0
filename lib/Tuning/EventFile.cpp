namespace accopt {}
