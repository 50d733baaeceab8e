crmdir = $(docdir)/crm
dist_crm_DATA = \
	deploy/crm/apex27.conf deploy/crm/apex27.jq \
	deploy/crm/dynamics365.conf deploy/crm/dynamics365.jq \
	deploy/crm/hubspot.conf deploy/crm/hubspot.jq \
	deploy/crm/reapit.conf deploy/crm/reapit.jq \
	deploy/crm/salesforce-web-to-lead.conf \
	deploy/crm/salesforce-web-to-lead.jq \
	deploy/crm/zapier-make.conf deploy/crm/zapier-make.jq \
	deploy/crm/zoho.conf deploy/crm/zoho.jq
