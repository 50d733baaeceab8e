# Reapit Foundations: an enquiry.
#
# POST /enquiries; the names are those of CreateEnquiryModel in Reapit's
# published foundations source.  title, forename, surname, enquiryType, message
# and officeId are always needed.  officeId is your own code for the office
# (e.g. OXF): map LeadPro's office_id to it below.  The platform's reference is
# open to registered developers only, so check the rest there.  Nothing was ever
# sent to a real Reapit customer.
def office: {"1": "OXF"}[.office_id // 1 | tostring] // "OXF";

.data
| {
    title: (.title // ""),
    forename: (.first_name // (.full_name | split(" ")[0])),
    surname: (.last_name // (.full_name | split(" ") | last)),
    enquiryType: {
      sale: "salesApplicant", let: "lettingsApplicant",
      vendor: "salesProperty", landlord: "lettingsProperty",
      mortgage_request: "salesApplicant"
    }[.type],
    message: (.message // "No message was left."),
    officeId: office,
    sourceName: "LeadPro",
    mobilePhone: .phone,
    email
  }
| with_entries(select(.value != null))
