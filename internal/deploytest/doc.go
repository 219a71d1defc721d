// Package deploytest holds the tests of Dockerfile and deploy/: that the image's root
// file system is enough, and that the manifests agree with the program, with each
// other and with the makers' schemas. What takes tools of others is in
// scripts/lint-deploy.sh.
package deploytest
