package main

import "github.com/spf13/cobra"

func tailCommand() *cobra.Command { return &cobra.Command{Use: "tail"} }
func demoCommand() *cobra.Command { return &cobra.Command{Use: "demo"} }
