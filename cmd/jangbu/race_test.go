//go:build race

package main

// raced: the race detector multiplies time and memory.
const raced = true
