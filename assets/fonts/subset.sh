#!/bin/sh
# Cuts the bundled fonts: ./subset.sh FOLDER, where FOLDER holds the four npm packages of the
# README, unpacked (`npm install --prefix FOLDER PACKAGE@VERSION ...`).
set -eu
from=$1/node_modules
to=$(dirname "$0")
latin="U+0020-007E,U+00A0-017F,U+2010-2027,U+2030,U+2032-2033,U+2039-203A,U+2044,U+20AC,U+2122,U+2190-2193,U+2202,U+2211-2212,U+221A,U+2248,U+2260,U+2264-2265"

cut() {
    pyftsubset "$from/$1.woff2" --unicodes="$3" --output-file="$to/$2.woff2" --flavor=woff2 \
        --layout-features=kern,liga,tnum,lnum,mark,mkmk,ccmp,locl --no-hinting --desubroutinize
}

sans=@fontsource-variable/source-sans-3/files/source-sans-3
serif=@fontsource/source-serif-4/files/source-serif-4
mono=@fontsource/source-code-pro/files/source-code-pro
cut $sans-latin-wght-normal sans "$latin"
cut $sans-greek-wght-normal sans-greek "U+0391-03A9,U+03B1-03C9"
cut $serif-latin-400-normal serif "$latin"
cut $serif-latin-400-italic serif-italic "$latin"
cut $mono-latin-400-normal mono "U+0020-007E,U+00A0-00FF,U+2000-2BFF"
cut $mono-latin-ext-400-normal mono-latin-ext "U+0100-024F"
cut $mono-greek-400-normal mono-greek "U+0370-03FF"
cut $mono-cyrillic-400-normal mono-cyrillic "U+0400-045F"

# Formulas: what the rooms' words write, upright and italic, with the table that places parts of a formula.
letters="U+0020-007E,U+00B7,U+00D7,U+03B1-03C9,U+2032,U+2061,U+210E,U+2113,U+1D434-1D467,U+1D6FC-1D714"
signs="U+2190,U+2192,U+2208,U+2211-2212,U+2218,U+221A,U+2248,U+2260,U+2264-2265,U+22A4,U+22C5"
cut @fontsource/stix-two-math/files/stix-two-math-latin-400-normal math "$letters,$signs"
