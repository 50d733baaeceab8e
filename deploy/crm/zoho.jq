# Zoho CRM: create or update a Lead, found by its e-mail address.
#
# POST /crm/v8/Leads/upsert, known from Zoho's API reference ("Insert or Update
# Records").  The names are API names of the standard Leads layout; Last_Name is
# mandatory, and some layouts also demand Company.  Nothing was ever sent to a
# real Zoho account.
def family: .last_name // (.full_name | split(" ") | last);

.data
| {
    Last_Name: family,
    First_Name: .first_name,
    Company: .full_name,         # a private person has none
    Email: .email,
    Phone: .phone,
    Street: .address,
    Zip_Code: .postcode,
    Lead_Source: "LeadPro",
    Description: .message
  }
| with_entries(select(.value != null and .value != ""))
| {data: [.], duplicate_check_fields: ["Email"]}
