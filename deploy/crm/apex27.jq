# Apex27: a lead.
#
# POST /leads with a JSON object is what Apex27's own n8n node sends; the names
# of the members are published nowhere, so this passes LeadPro's own on, without
# the empty ones.  Ask Apex27 for theirs and rename them here, e.g.
#     | {firstName: .first_name, email}
# Nothing was ever sent to a real Apex27 account.
.data
| with_entries(select(.value != null and .value != ""))
