"""What definition files share: their base model, templates, JMESPath expressions and the limits of both."""
