#!/bin/sh
# What the images of databases do: prepare, then become the server. rseqctl looks
# through scripts that end so.
set -e
exec "$@"
