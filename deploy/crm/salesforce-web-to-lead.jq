# Salesforce Web-to-Lead: an HTML form that makes a Lead.
#
# The names are those of the form Salesforce generates (Setup, Web-to-Lead);
# last_name and company are the ones it always demands.  Custom fields are
# called 00N... there: add them.  "retURL" is left out, so that no redirect is
# asked for.  Nothing was ever sent to a real Salesforce organisation.
def family: .last_name // (.full_name | split(" ") | last);

.data
| {
    oid: "00D000000000000",      # your organisation's id
    first_name: (.first_name // (.full_name | split(" ")[0])),
    last_name: family,
    company: .full_name,         # a private person has none
    email, phone,
    salutation: .title,
    street: .address,
    zip: .postcode,
    lead_source: "LeadPro",
    description: .message
  }
| with_entries(select(.value != null and .value != ""))
