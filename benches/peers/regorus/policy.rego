# What the default policy says of patches, for facts that are parsed already.
package fix

import rego.v1

allow if count(deny) == 0

# Every name of the path, in lower case, is looked up, or compared by how it begins and ends: that is
# faster than `glob.match`, which compiles its pattern.
names contains [file.path, part] if {
	some file in input.files
	some part in split(lower(file.path), "/")
}

matches(list, part) := list.names[part]

matches(list, part) := affix.weight if {
	some affix in list.affixes
	startswith(part, affix.begins)
	endswith(part, affix.ends)
}

matches(list, part) := entry.weight if {
	some entry in list.globs
	glob.match(entry.glob, ["/"], part)
}

deny contains [path, "path_forbidden"] if {
	some [path, part] in names
	_ = matches(data.forbidden, part)
}

deny contains ["", "files_max"] if count(input.files) > data.limits.files_max

deny contains ["", "lines_added_max"] if added > data.limits.lines_added_max

deny contains ["", "lines_removed_max"] if removed > data.limits.lines_removed_max

deny contains ["", "diff_bytes_max"] if input.bytes > data.limits.diff_bytes_max

deny contains [file.path, file.kind] if {
	some file in input.files
	file.kind != "modified"
}

deny contains [file.path, "secret_added"] if {
	some file in input.files
	some line in file.added
	some pattern in data.secrets
	regex.match(pattern, line)
}

added := sum([count(file.added) | some file in input.files])

removed := sum([file.removed | some file in input.files])

risk contains [path, weight] if {
	some [path, part] in names
	weight := matches(data.risky, part)
}

danger := min([100, ((5 * count(input.files)) + (5 * ceil((added + removed) / 50))) + ((3 * ceil(input.bytes / 10240)) + sum([weight | some [_, weight] in risk]))])

label := "safe" if {
	allow
	danger <= 20
} else := "needs-review"

decision := {"allowed": count(deny) == 0, "danger_score": danger, "violations": deny, "pr_label": label}
