/* Nothing: what preloading costs in itself. */
