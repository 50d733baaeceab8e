"""What the whole-path tests are made of: real servers, a stand-in CRM, clients."""
