"""Finding products and trusting them: documents, index, lineage, trust."""
