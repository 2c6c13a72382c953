// What the tests parse once, see tradeguard_precompile; there is nothing to compile but headers.
