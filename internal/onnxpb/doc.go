// Package onnxpb holds the Go types of the official onnx.proto3, made by
// protoc-gen-go v1.36.12 from the file beside it:
//
//	protoc --go_out=. --go_opt=paths=source_relative --go_opt=Monnx.proto=quba/internal/onnxpb onnx.proto
package onnxpb
