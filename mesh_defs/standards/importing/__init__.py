"""Documents of ODPS and ODCS become drafted products of this mesh."""
