# HubSpot: create or update a contact by e-mail address.
#
# POST /crm/v3/objects/contacts/batch/upsert with one input.  Known from
# HubSpot's API reference ("Upsert a batch of contacts"); the dated paths
# (/crm/objects/2026-03/contacts/batch/upsert) take the same body.  The
# properties below are HubSpot's default contact properties; add your own, e.g.
# lead_type: .type, once they exist in your account, for HubSpot refuses names
# it does not know.  Nothing was ever sent to a real HubSpot account.
def given: .first_name // (.full_name | split(" ")[0]);
def family: .last_name // (.full_name | split(" ")[1:] | join(" "));

.data
| {
    email, phone, address, message,
    firstname: given,
    lastname: family,
    salutation: .title,
    zip: .postcode
  }
| with_entries(select(.value != null and .value != ""))
| {inputs: [{id: .email, idProperty: "email", properties: .}]}
