"""Engines that run custom rules: other tools' languages, each really run by its tool."""
