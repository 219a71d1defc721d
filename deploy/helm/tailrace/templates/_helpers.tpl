{{- define "tailrace.fullname" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "tailrace.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "tailrace.labels" -}}
{{ include "tailrace.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "tailrace.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "tailrace.fullname" .) .Values.serviceAccount.name }}
{{- else }}{{ .Values.serviceAccount.name }}{{ end }}
{{- end }}

{{/* tailrace.yaml: what the values say, and what has to agree with the pod. */}}
{{- define "tailrace.config" -}}
{{- $config := deepCopy .Values.config }}
{{- $_ := set $config "admin" (dict "listen" ":8085") }}
{{- $_ := set $config "limits" (dict "memory" (printf "%dMiB" (int .Values.memory)) "drain" (printf "%ds" (int .Values.drain)) "spill_dir" "/var/spool/tailrace") }}
{{- if .Values.persistence.enabled }}
{{- $checkpoint := deepCopy (default (dict) $config.checkpoint) }}
{{- $_ := set $checkpoint "url" "file:///var/lib/tailrace/{name}.json" }}
{{- $_ := set $config "checkpoint" $checkpoint }}
{{- end }}
{{- toYaml $config }}
{{- end }}
