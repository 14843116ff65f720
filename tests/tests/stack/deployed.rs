//! The template, deployed by CloudFormation with the functions' real binaries.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use gitledger_functions::catalogue;
use gitledger_tests::{template, tools, wait, workspace};
use reqwest::Method;
use serde_json::{Value, json};

use crate::ministack::{Ministack, REGION, element};

/// The stack's name.
const STACK: &str = "gitledger";
/// The bucket from which functions are made.
const ARTIFACTS: &str = "artifacts";

/// What was deployed, and where its parts are.
pub struct Deployed {
    pub aws: Ministack,
    resources: Vec<(String, String)>,
}

impl Deployed {
    /// Deploys with these parameters.
    pub async fn with(aws: Ministack, parameters: &[(&str, &str)]) -> Self {
        let functions: Vec<String> = catalogue::all().iter().map(catalogue::Function::name).collect();
        pack(&aws, &functions);
        aws.ask("s3", Method::PUT, &format!("/{ARTIFACTS}"), &[], Vec::new()).await;
        for name in &functions {
            let key = format!("target/lambda/{name}");
            aws.upload(ARTIFACTS, &key, &aws.dir().join("zips").join(format!("{name}.zip"))).await;
        }
        let translated = template::translated(&template::text()).unwrap_or_else(|error| panic!("{error}"));
        let file = aws.dir().join("template.json");
        std::fs::write(&file, with_routes(translated).to_string()).expect("a file");
        aws.upload(ARTIFACTS, "template.json", &file).await;
        let began = Instant::now();
        create(&aws, parameters).await;
        let xml = aws.stack("DescribeStackResources", &[("StackName", STACK)]).await;
        let resources: Vec<_> = xml
            .split("<member>")
            .filter_map(|part| {
                Some((element(part, "LogicalResourceId")?, element(part, "PhysicalResourceId")?))
            })
            .collect();
        println!("{} resources deployed in {:.1} s", resources.len(), began.elapsed().as_secs_f64());
        Self { aws, resources }
    }

    /// The physical id of a resource of the template.
    pub fn id(&self, resource: &str) -> &str {
        let found = self.resources.iter().find(|(logical, _)| logical == resource);
        found.map_or_else(|| panic!("there is no {resource}"), |(_, physical)| physical)
    }

    /// Where operations are asked for.
    pub fn api(&self) -> String {
        format!("{}/_aws/execute-api/{}/$default", self.aws.url, self.id("Api"))
    }

    /// Gives a secret its value.
    pub async fn secret(&self, resource: &str, value: &str) {
        let body = json!({"SecretId": self.id(resource), "SecretString": value});
        self.aws.action("secretsmanager", "secretsmanager.PutSecretValue", &body).await;
    }

    pub async fn send(&self, queue_url: &str, body: &Value) {
        let message = json!({"QueueUrl": queue_url, "MessageBody": body.to_string()});
        self.aws.action("sqs", "AmazonSQS.SendMessage", &message).await;
    }

    /// The messages that lie in a queue now; they are taken.
    pub async fn receive(&self, queue_url: &str) -> Vec<Value> {
        let ask = json!({"QueueUrl": queue_url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 600});
        let answer = self.aws.action("sqs", "AmazonSQS.ReceiveMessage", &ask).await;
        let all = answer["Messages"].as_array().cloned().unwrap_or_default();
        all.iter().filter_map(|message| serde_json::from_str(message["Body"].as_str()?).ok()).collect()
    }
}

/// The functions as they are uploaded.
fn pack(aws: &Ministack, functions: &[String]) {
    let built = workspace::target().join("lambda");
    for name in functions {
        let file = built.join(name).join("bootstrap");
        assert!(file.is_file(), "{} is not there: infra/aws/build --x86-64 makes it", file.display());
    }
    let out = aws.dir().join("zips");
    std::fs::create_dir_all(&out).expect("a directory");
    let mut python = tools::ministack().command();
    python.arg(workspace::root().join("tests/python/zipped.py")).arg(built).arg(out);
    let mut child = python.stdin(Stdio::piped()).spawn().expect("Python starts");
    child.stdin.take().expect("its input").write_all(functions.join(" ").as_bytes()).expect("it reads");
    assert!(child.wait().expect("it ends").success(), "the functions were not packed");
}

async fn create(aws: &Ministack, parameters: &[(&str, &str)]) {
    let url = format!("{}/{ARTIFACTS}/template.json", aws.url);
    let mut fields = vec![("StackName".to_owned(), STACK.to_owned()), ("TemplateURL".to_owned(), url)];
    for (number, (name, value)) in (1..).zip(parameters) {
        fields.push((format!("Parameters.member.{number}.ParameterKey"), (*name).to_owned()));
        fields.push((format!("Parameters.member.{number}.ParameterValue"), (*value).to_owned()));
    }
    fields.push(("Capabilities.member.1".to_owned(), "CAPABILITY_IAM".to_owned()));
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    aws.stack("CreateStack", &fields).await;
    let status = wait::until("the stack is there", async || {
        let xml = aws.stack("DescribeStacks", &[("StackName", STACK)]).await;
        element(&xml, "StackStatus").filter(|status| status != "CREATE_IN_PROGRESS")
    });
    let status = status.await;
    if status != "CREATE_COMPLETE" {
        let xml = aws.stack("DescribeStackEvents", &[("StackName", STACK)]).await;
        let why: Vec<&str> = xml.split("<member>").filter(|event| event.contains("FAILED")).collect();
        panic!("{status}: {why:#?}");
    }
    // Functions are made in the background.
    tokio::time::sleep(Duration::from_millis(600)).await;
}

/// The routes, which ministack does not read in an API's document: the same as resources of their own.
fn with_routes(mut template: Value) -> Value {
    let body = template["Resources"]["Api"]["Properties"]["Body"].take();
    template["Resources"]["Api"]["Properties"] = json!({"Name": STACK, "ProtocolType": "HTTP"});
    let asks = &body["components"]["securitySchemes"]["Keys"]["x-amazon-apigateway-authorizer"];
    let api = json!({"Ref": "Api"});
    template["Resources"]["ApiAuthorizer"] = json!({
        "Type": "AWS::ApiGatewayV2::Authorizer",
        "Properties": {
            "ApiId": api, "Name": "Keys", "AuthorizerType": "REQUEST",
            "AuthorizerUri": asks["authorizerUri"],
            "IdentitySource": asks["identitySource"],
            "AuthorizerPayloadFormatVersion": asks["authorizerPayloadFormatVersion"],
            "AuthorizerResultTtlInSeconds": asks["authorizerResultTtlInSeconds"],
            "EnableSimpleResponses": asks["enableSimpleResponses"],
        },
    });
    let mut number = 0;
    for (path, methods) in body["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            number += 1;
            let integration = format!("ApiIntegration{number}");
            template["Resources"][&integration] = json!({
                "Type": "AWS::ApiGatewayV2::Integration",
                "Properties": {
                    "ApiId": api, "IntegrationType": "AWS_PROXY", "PayloadFormatVersion": "2.0",
                    "IntegrationUri": operation["x-amazon-apigateway-integration"]["uri"],
                },
            });
            let mut route = json!({
                "ApiId": api, "RouteKey": format!("{} {path}", method.to_uppercase()),
                "Target": {"Fn::Join": ["/", ["integrations", {"Ref": integration}]]},
            });
            if operation["security"][0]["Keys"].is_array() {
                route["AuthorizationType"] = json!("CUSTOM");
                route["AuthorizerId"] = json!({"Ref": "ApiAuthorizer"});
            }
            template["Resources"][format!("ApiRoute{number}")] =
                json!({"Type": "AWS::ApiGatewayV2::Route", "Properties": route});
        }
    }
    assert!(number > 0, "the API has no routes");
    // Nothing else reads it.
    assert_eq!(REGION, "us-east-1");
    template
}
