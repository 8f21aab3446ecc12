helm --kube-context k8s-1 upgrade --install metallb metallb --repo https://metallb.github.io/metallb --version 0.16.1 --namespace metallb-system --wait --timeout 5m --values - <<'EOF'
frrk8s:
  enabled: false
speaker:
  frr:
    enabled: false
EOF
