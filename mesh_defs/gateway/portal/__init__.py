"""The pages: server-rendered, without anything from elsewhere, of what their reader may know."""
