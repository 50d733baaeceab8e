# Microsoft Dynamics 365 Sales: create or update a lead.
#
# PATCH /api/data/v9.2/leads(GUID) creates the row if there is none with that
# GUID and changes it otherwise (Dataverse Web API, "Upsert a table row"), so a
# lead sent twice stays one.  The GUID is made from the lead's id: {lead_uuid}
# in the URL.  The names are columns of the standard lead table.  Nothing was
# ever sent to a real Dynamics environment.
def family: .last_name // (.full_name | split(" ") | last);

.data
| {
    subject: "LeadPro: \(.type), \(.full_name)",
    firstname: .first_name,
    lastname: family,
    emailaddress1: .email,
    telephone1: .phone,
    address1_line1: .address,
    address1_postalcode: .postcode,
    description: .message
  }
| with_entries(select(.value != null and .value != ""))
