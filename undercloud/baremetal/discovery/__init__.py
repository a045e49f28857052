"""Looking for machines: who answers as a BMC, by Redfish or by IPMI, and which of the passwords fits."""
