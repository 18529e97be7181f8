# Makes cluster.yaml one of x86 processors.
s/this is for arm64\. The same for x86:/this is for x86. It was made by:/
s/InstanceType: c7gn\.16xlarge/InstanceType: c6in.32xlarge/
s/ondemand-64/ondemand-128/
s/InstanceType: c7g\./InstanceType: c7i./
s/InstanceType: c6g\./InstanceType: c6i./
s/InstanceType: m7g\./InstanceType: m7i./
